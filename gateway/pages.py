"""The two parameters of every list."""

from typing import Annotated

from fastapi import Query

PageSize = Annotated[int, Query(ge=0, le=100, description="How many at most; 0 or absent leaves it to us.")]
PageToken = Annotated[str, Query(max_length=200, description="From the answer before; absent starts at the beginning.")]
