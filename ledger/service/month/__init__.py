"""The whole month, from the close to the money: every step that can be taken now, and what waits.

    settlement   open → closing → closed → proposed → approved → settled
    payout       propose → decisions → the bank's file in the folder
    claims       root signed → sent → published → final
    anchor       sent → mined → final, per target

A step counts as done when the log, the contract or the file says so, never because this program
remembers it; so it may be stopped anywhere, run again at any time, and run twice at once.
"""

from ledger.service.month.keep import Folder
from ledger.service.month.run import Means, Patience, document_of, run_month, stay, text_of
from ledger.service.month.settlement import settle_month
from ledger.service.month.track import Doing, Report, Standing, Track, Words

__all__ = [
    "Doing",
    "Folder",
    "Means",
    "Patience",
    "Report",
    "Standing",
    "Track",
    "Words",
    "document_of",
    "run_month",
    "settle_month",
    "stay",
    "text_of",
]
