from watchword.public import *  # noqa: F403
from watchword.public import __all__ as __all__
