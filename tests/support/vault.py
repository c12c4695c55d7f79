"""A vault for tests that have no home directory."""

from __future__ import annotations

from watchword.storage.vault import Vault

# Made for these tests only.
ENCRYPTION_KEY = "dGhlIHRlc3RzIG9mIHdhdGNod29yZCwgMzIgYnl0ZXM="
VAULT = Vault(lambda: (ENCRYPTION_KEY,))
