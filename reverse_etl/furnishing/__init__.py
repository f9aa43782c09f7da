"""What a Salesforce org must have before anything can be written to it, and how it gets it."""
