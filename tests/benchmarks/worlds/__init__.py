"""Worlds: made-up books and org of real organisation names, with the truth known.

`python -m tests.benchmarks.worlds --accounts 10000 --seed 1 --part train --out FOLDER` writes
accounts.csv, customers.csv, truth.csv (every pair that is one organisation) and apart.csv (pairs of
different companies of one group). Parts share no base organisation; every seed has its own rates.
"""
