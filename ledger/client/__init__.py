"""What a member runs beside its own systems: sign, submit, verify the receipt, resume.

::

    with open_journal(folder, key.address) as journal:
        MemberClient(url, "kaga", key, journal).submit_records(lines)
"""

from ledger.client.journal import Journal, open_journal
from ledger.client.member import MemberClient, Submitted
from ledger.client.transport import Patience

__all__ = ["Journal", "MemberClient", "Patience", "Submitted", "open_journal"]
