"""The one place where agrocluster talks to the network.

Every publisher is asked through ``Client``: polite, patient with transient faults, strict about sizes, shapes and
hosts, silent about keys. What the answers mean is the business of ``sources``.
"""

from agrocluster.http.answer import Download, Fetched
from agrocluster.http.client import Client, connect
from agrocluster.http.endpoint import Endpoint, endpoint, quota
from agrocluster.http.redaction import redact

__all__ = ["Client", "Download", "Endpoint", "Fetched", "connect", "endpoint", "quota", "redact"]
