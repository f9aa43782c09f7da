"""What reading costs in calls, what is left of the vendors' allowances, and what to do about it."""
