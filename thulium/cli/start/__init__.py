"""``thulium init --from``: what lies in an export, and a project that fits it."""
