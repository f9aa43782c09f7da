"""From a won deal to its invoice in seconds: what wakes us, what is then done, and how it is told.

A signal carries no truth. It may come twice, late, out of order or not at all: what is billed is
decided from what is read afterwards, and a poll asks the vendors whether anything was missed.
"""
