"""The vendor's formula language: read, checked for kinds, computed over records.

Source: Help, "Formula Operators and Functions" and "Build a Formula Field".
"""
