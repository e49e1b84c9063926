"""`python -m gateway.openapi` prints the API's OpenAPI document. It needs no settings."""

import json

from gateway.api import Api


def document() -> str:
    """Returns the document as JSON, the same for the same code."""
    return json.dumps(Api().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(document(), end="")
