"""What `unlike` makes its names, towns and addresses of; by country where it matters."""

from __future__ import annotations

SYLLABLES = ("bel", "cor", "dra", "fen", "gal", "hos", "jun", "kel", "lum", "mor", "nex", "oro",
             "pra", "quil", "ron", "sta", "tri", "ulm", "vex", "wal", "yar", "zen", "bri", "cam",
             "dov", "eri", "fal", "gri", "har", "ist", "kor", "lan", "mir", "nov", "pol", "rud",
             "sel", "tor", "ven", "win", "alt", "ber", "cle", "dun", "est", "fro", "gan", "hol"
)  # fmt: skip
TRADES = ("Logistics", "Packaging", "Brewery", "Joinery", "Optics", "Metalworks", "Textiles",
          "Printing", "Dairy", "Foundry", "Nurseries", "Timber", "Ceramics", "Software", "Biotech",
          "Instruments", "Catering", "Upholstery", "Freight", "Insulation", "Plastics", "Seeds",
          "Glazing", "Motors", "Marine", "Robotics", "Fisheries", "Scaffolding", "Tiling",
          "Veterinary Practice", "Dental Practice", "Kindergarten", "Physiotherapy",
          "Consulting Engineers", "Travel Agency", "Window Cleaning"
)  # fmt: skip
QUALITIES = ("Silver", "Northern", "Royal", "Green", "Swift", "Bright", "Old", "Grand", "Alpine",
             "Coastal", "Central", "Modern", "Trusted", "Copper", "Scarlet", "Quiet"
)  # fmt: skip
THINGS = ("Anchor", "Bridge", "Lantern", "Harbour", "Meadow", "Compass", "Falcon", "Orchard",
          "Tower", "Willow", "Badger", "Kettle", "Saddle", "Thistle", "Beacon", "Heron"
)  # fmt: skip
COMMON_NAMES = ("Village Pharmacy", "Station Garage", "St Mark's Church", "Central Hotel",
                "City Cleaning", "Corner Bakery", "Harbour Cafe", "Sports Club Concordia",
                "Community Library", "Rose Garden Florist", "Riverside Dental Practice",
                "Parish Council", "Primary School", "Grand Cinema"
)  # fmt: skip
FAMILY = ("Abernathy", "Bianchi", "Cartwright", "Dubois", "Eriksen", "Fournier", "Greiner",
          "Hollis", "Ivarsson", "Jankowski", "Kirchner", "Lefevre", "Marchetti", "Novak",
          "Okafor", "Pemberton", "Quigley", "Rosenthal", "Sorensen", "Thackeray", "Underhill",
          "Vasquez", "Whitlock", "Yilmaz", "Zimmer", "Ashdown", "Brandt", "Castell", "Drummond",
          "Eastwood", "Farrow", "Gallagher", "Huber", "Ingram", "Jarvis", "Keller", "Lindqvist",
          "Montague", "Nakamura", "Osborne", "Pellegrini", "Ravensdale", "Schuster", "Tremblay",
          "Vandenberg", "Wexford", "Albrecht", "Bellweather", "Crompton", "Delacroix"
)  # fmt: skip
GIVEN = ("Ada", "Bruno", "Clara", "Dieter", "Elodie", "Felix", "Greta", "Hugo", "Ines", "Jasper",
         "Katrin", "Leo", "Maren", "Nils", "Odette", "Pavel", "Rosa", "Stefan", "Tilda", "Ulrich",
         "Vera", "Wendel", "Yvonne", "Zoe", "Anton", "Beatrix", "Cedric", "Dora", "Emil",
         "Frieda"
)  # fmt: skip
FORMS = {
    "US": ("Inc", "LLC", "Corp"),
    "GB": ("Ltd", "Limited", "PLC"),
    "DE": ("GmbH", "AG", "GmbH & Co. KG"),
    "FR": ("SARL", "SAS", "SA"),
    "NL": ("B.V.", "BV"),
    "AU": ("Pty Ltd", "Pty Limited"),
}
ENDS = {
    "US": (".com", ".net"),
    "GB": (".co.uk",),
    "DE": (".de",),
    "FR": (".fr",),
    "NL": (".nl",),
    "AU": (".com.au",),
}
DIALLING = {"US": "1", "GB": "44", "DE": "49", "FR": "33", "NL": "31", "AU": "61"}
COUNTRIES = {
    "US": ("USA", "United States"),
    "GB": ("UK", "United Kingdom"),
    "DE": ("Germany", "DE"),
    "FR": ("France", "FR"),
    "NL": ("Netherlands", "NL"),
    "AU": ("Australia", "AU"),
}
FREE_HOSTS = ("gmail.com", "outlook.com", "yahoo.com", "gmx.de", "orange.fr")
BOOKKEEPERS = ("ledgerlane.com", "countwise.co.uk", "buchwerk.de")
DESKS = ("info", "accounts", "office", "invoices", "reception")
NOTES = ("(old)", "- net 14", "*", "attn accounts", "#2", "(do not use)", "- new")
PARTS = {
    "office": ("North", "South", "East", "West", "Airport", "Docklands"),
    "unit": ("Radiology", "Procurement", "Research", "Workshop", "Library", "Training Centre",
             "Human Resources"),
    "sister": ("Leasing", "Immobilien", "Ventures", "Energy", "Foundation", "Trading",
               "Real Estate"),
    "shop": ("#12", "#27", "No. 3", "Store 41", "Store 88", "#105"),
}  # fmt: skip
SHORTENED = (
    ("Consulting", "Cons."),
    ("Engineers", "Eng"),
    ("Instruments", "Instr."),
    ("Logistics", "Log."),
    ("Practice", "Pract."),
    ("Limited", "Ltd"),
    (" & ", " and "),
    ("Centre", "Ctr"),
)
TOWN_PARTS = ("ash", "bury", "dorf", "field", "ham", "kirch", "mont", "port", "stead", "ville",
              "wick", "burg", "ford", "haven", "lea", "mar", "nord", "ost", "ried", "sund", "tal",
              "wold", "beck", "clair"
)  # fmt: skip
STREETS = ("Linden", "Garten", "Victoria", "Kirch", "Albert", "Mühlen", "Harbour", "Castle",
           "Berg", "Rosen", "Wharf", "Abbey", "Post", "Schiller", "Orchard", "Tannen"
)  # fmt: skip
