"""How a process runs: one frozen struct per section, checked as a whole.

Values come, lowest first, from the defaults, a TOML file, the environment
(``REFUND_SECTION__KEY``) and the command line. What is decided is not here: that is
the policy (``config/policy.toml``).
"""

from streams.settings.layers import CONFIG_VARIABLE, old_names
from streams.settings.loading import load
from streams.settings.model import (
    ROLES,
    FamilySettings,
    Kafka,
    Kuaishou,
    Log,
    PolicySource,
    Settings,
    Tools,
    Topics,
    Web,
    Worker,
)
from streams.settings.page import (
    effective,
    secret_texts,
    settings_file,
    settings_page,
)
from streams.settings.policy_file import (
    SHIPPED_NAME,
    load_policy,
    load_record,
    moment_ms,
)
from streams.settings.secret import Secret
from streams.settings.security import connection, security
from streams.settings.shipped import shipped_policy_text

__all__ = [
    "CONFIG_VARIABLE",
    "ROLES",
    "SHIPPED_NAME",
    "FamilySettings",
    "Kafka",
    "Kuaishou",
    "Log",
    "PolicySource",
    "Secret",
    "Settings",
    "Tools",
    "Topics",
    "Web",
    "Worker",
    "connection",
    "effective",
    "load",
    "load_policy",
    "load_record",
    "moment_ms",
    "old_names",
    "secret_texts",
    "security",
    "settings_file",
    "settings_page",
    "shipped_policy_text",
]
