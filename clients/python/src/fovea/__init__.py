"""A client of Fovea, which finds images by meaning.

>>> from fovea import Client
>>> with Client("http://127.0.0.1:7878") as client:  # doctest: +SKIP
...     for result in client.search("a dog"):
...         print(result.path)
"""

from ._operations import OPERATIONS, ItemRef, Operation, PictureLike, SearchOptions
from .async_client import AsyncClient
from .client import Client
from .errors import (
    AnswerError,
    AnswerTimeoutError,
    BadRequestError,
    ConnectionFailedError,
    ForbiddenError,
    FoveaError,
    JobFailedError,
    MisdirectedError,
    NotFoundError,
    ProblemError,
    ServerError,
    TooLargeError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    UndecodableError,
)
from .records import *  # noqa: F403
from .records import __all__ as _records

__version__ = "0.1.0"

__all__ = [
    "OPERATIONS",
    "AnswerError",
    "AnswerTimeoutError",
    "AsyncClient",
    "BadRequestError",
    "Client",
    "ConnectionFailedError",
    "ForbiddenError",
    "FoveaError",
    "ItemRef",
    "JobFailedError",
    "MisdirectedError",
    "NotFoundError",
    "Operation",
    "PictureLike",
    "ProblemError",
    "SearchOptions",
    "ServerError",
    "TooLargeError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnavailableError",
    "UndecodableError",
]
__all__ += _records
