"""SOQL: parsed into a tree, bound to an org's objects, evaluated over its records.

`parser` knows the form alone; `names` knows objects, fields and relationships; `conditions`,
`columns`, `order` and `groups` turn the parts of a tree into functions of a record.
"""
