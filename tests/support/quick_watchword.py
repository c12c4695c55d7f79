"""`watchword` with passwords that cost next to nothing: the program of tests, which sign in all the time.

It is run by its path, so that this folder and the working directory stay out of the module path:
`python -P tests/support/quick_watchword.py serve`.
"""

from __future__ import annotations

from argon2 import PasswordHasher

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NOBODY = HASHER.hash("nobody's password")


def use_cheap_passwords() -> None:
    """Replace the hasher of this process."""
    from watchword.auth.sign_in import passwords

    passwords._hasher = HASHER
    passwords._NOBODY = NOBODY


# A worker process imports this module by the second name.
if __name__ in ("__main__", "__mp_main__"):
    use_cheap_passwords()

if __name__ == "__main__":
    from watchword.__main__ import main

    main()
