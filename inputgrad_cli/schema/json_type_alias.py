"""The type of a JSON object; apart from the records, since `--help` must not wait for those."""

from typing import Any

JsonObject = dict[str, Any]  # its fields are not checked
