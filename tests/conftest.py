"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# A test fails for what is wrong, never for a machine that is busy with other things.
settings.register_profile("crossfoot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crossfoot")
