"""The close of a week: what each run found, what people said about it, and who signed."""
