"""The main job shown in under a minute: a call with real speech, recorded, followed, and compared."""
