"""Words that made-up members of groups, firms and mailboxes are called by."""

from __future__ import annotations

FREE_MAIL = ("gmail.com", "gmail.com", "gmail.com", "yahoo.com", "hotmail.com", "outlook.com",
             "aol.com", "icloud.com", "comcast.net", "live.com", "msn.com", "att.net")  # fmt: skip
FREE_ABROAD = {"DE": ("gmx.de", "web.de", "t-online.de"), "FR": ("orange.fr", "free.fr"),
               "GB": ("btinternet.com", "hotmail.co.uk"), "CA": ("shaw.ca", "telus.net"),
               "CN": ("qq.com", "163.com"), "JP": ("yahoo.co.jp",)}  # fmt: skip
CAMPUS = ("North", "South", "East", "West", "Downtown", "Airport", "Main Campus", "Uptown",
          "Westside", "Lakeside", "Central", "Midtown", "Harbor", "Medical Campus")  # fmt: skip
NUMBERED = ("Plant {}", "Store {}", "Branch {}", "Unit {}", "Warehouse {}", "#{}", "Site {}",
            "Location {}", "No. {}", "Region {}")  # fmt: skip
DEPARTMENTS = {
    "edu": ("Surgery", "Chemistry", "Physics", "Biology", "Athletics", "Housing", "Library",
            "Facilities", "Procurement", "School of Law", "School of Medicine", "Engineering",
            "College of Nursing", "Bookstore", "Dining Services", "IT", "Alumni Association",
            "Business School", "Mathematics", "Student Affairs", "Research Office", "Press"),
    "health": ("Surgery", "Radiology", "Cardiology", "Pharmacy", "Oncology", "Emergency",
               "Pathology", "Pediatrics", "IT", "Facilities", "Materials Management",
               "Foundation", "Physical Therapy", "Laboratory", "Neurology", "Dialysis"),
    "gov": ("Public Works", "Parks and Recreation", "Finance", "Police", "Fire", "Health",
            "IT", "Water", "Planning", "Courts", "Elections", "Housing", "Transport"),
    "company": ("IT", "HR", "Marketing", "R&D", "Legal", "Facilities", "Finance", "Engineering",
                "Procurement", "Sales", "Logistics", "Training", "Quality"),
}  # fmt: skip
SISTERS = ("Capital LLC", "Logistics Inc", "Properties LLC", "Holdings", "Services LLC",
           "Foundation", "Ventures LLC", "Insurance", "Real Estate", "Consulting", "Energy",
           "International", "Europe", "Canada", "Asia", "Transport Inc", "Realty Group", "Labs",
           "Leasing", "Development Corp", "Management", "Technologies", "Financial", "Foods",
           "Partners LP", "Trading", "Construction Inc", "Medical", "Digital", "Security",
           "Investments", "Systems", "Industries", "Retail", "Media", "UK", "GmbH",
           "West LLC")  # fmt: skip
TRADES = ("Plumbing", "Dental", "Electric", "Landscaping", "Pizza", "Auto Repair", "Construction",
          "Roofing", "Cleaning Services", "Painting", "Accounting", "Law Office", "Heating & Air",
          "Photography", "Catering", "Trucking", "Consulting", "Bakery", "Salon", "Fitness",
          "Insurance Agency", "Veterinary Clinic", "Pharmacy", "Flooring", "Realty")  # fmt: skip
COMMON = ("First", "Valley", "Summit", "ABC", "Premier", "Main Street", "Pioneer", "Liberty",
          "Quality", "Sunrise", "Lakeside", "All Star", "Eagle", "Mountain View", "Advanced",
          "Family", "Heritage", "Golden", "Precision", "A-1", "Metro", "Blue Sky", "Elite",
          "United", "Superior", "Hometown", "Riverside", "National",
          "Best", "Evergreen")  # fmt: skip
GENERIC = ("First Baptist Church", "St. Mary's Hospital", "Mercy Hospital", "Lincoln High School",
           "City of Springfield", "Washington Elementary School", "Trinity Lutheran Church",
           "Memorial Hospital", "Community Health Center", "Salem Public Library",
           "St. John's Church", "Good Samaritan Hospital", "Jefferson County", "YMCA",
           "Habitat for Humanity", "Boys & Girls Club", "Chamber of Commerce")  # fmt: skip
BRANDS = ("Burger Barn", "Quick Lube", "Fresh Subs", "Sir Speedy", "Pack & Ship", "Kid Care",
          "Rapid Rooter", "Mr. Handy", "Home Helpers", "Fit Club", "Sign Express", "Cool Cuts",
          "Pizza Palace", "Tan Town", "Donut Dock", "Maid Bright", "Lawn Doctor Plus")  # fmt: skip
