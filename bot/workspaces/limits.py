"""After how many hours a member hears of what runs, and after how many it is stopped. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

DOMAIN, CLASS, HOURS = r"d-[a-z0-9-]{1,61}", r"ml\.[a-z0-9-]{1,20}", r"[1-9][0-9]{0,3}"
RULE = rf"(?:({DOMAIN})?/?({CLASS})?=)?({HOURS})"
# The forms of the variables: hours, and others by domain and class; for stopping, each rule names a domain.
FORM = rf"^(|(({DOMAIN}|{CLASS}|{DOMAIN}/{CLASS})=)?{HOURS}(, *({DOMAIN}|{CLASS}|{DOMAIN}/{CLASS})={HOURS})*)$"
STOP_FORM = rf"^(|{DOMAIN}(/{CLASS})?={HOURS}(, *{DOMAIN}(/{CLASS})?={HOURS})*)$"
MAY_BE = (
    "hours from 1 to 9999, and others by domain and instance class, such as 12,d-abc123=24,ml.g5=4,d-abc123/ml.g5=2"
)
STOP_MAY_BE = "hours from 1 to 9999 by domain, such as d-abc123=24,d-abc123/ml.g5=8"


@dataclass(frozen=True, slots=True)
class Limits:
    """Hours by domain and class of instances; the nearest rule counts: both, the class, the domain, neither."""

    hours: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def of(self, domain_id: str, instance_type: str | None) -> timedelta | None:
        """Return the time for an instance in a domain; None for no limit."""
        kind = (instance_type or "").rpartition(".")[0]
        for key in ((domain_id, kind), ("", kind), (domain_id, ""), ("", "")):
            if key in self.hours:
                return timedelta(hours=self.hours[key])
        return None


def parse(text: str) -> Limits:
    """Return the limits of a variable that has one of the forms."""
    return Limits({(domain, kind): int(hours) for domain, kind, hours in re.findall(RULE, text)})
