"""Store: where a comparison keeps what it goes on from. Only this room knows that it is a folder."""

from longtail.store.cache import Cache
from longtail.store.folder import OURS, FolderRecords, FolderStore, stores_in
from longtail.store.store import Entries, Entry, Records, Store

__all__ = [
    "OURS",
    "Cache",
    "Entries",
    "Entry",
    "FolderRecords",
    "FolderStore",
    "Records",
    "Store",
    "stores_in",
]
