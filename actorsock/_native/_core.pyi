from collections.abc import Callable
from typing import Any

def twin(name: str, function: Callable[..., Any], /) -> Any: ...
