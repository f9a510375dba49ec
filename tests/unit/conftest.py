"""Settings for the properties: no time limit for one example, and nothing left behind on disk."""

from hypothesis import settings

settings.register_profile("suite", deadline=None, database=None)
settings.load_profile("suite")
