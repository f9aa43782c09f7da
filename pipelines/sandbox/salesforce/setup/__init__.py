"""What an org is made of: custom objects and fields, who may see them, how they are deployed."""
