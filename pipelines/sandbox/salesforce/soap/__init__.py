"""The SOAP doors of an org: log-in, the partner and enterprise APIs, the Metadata API."""
