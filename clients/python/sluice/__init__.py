"""Workers and a REST client for Sluice, the workflow and flow-control service."""
from ._session import Timing
from .client import Client
from .errors import ApiError, Failure, Problem, ProtocolError, Revoked, SluiceError, TransportError
from .task import Task
from .worker import Worker

__all__ = [
    "ApiError", "Client", "Failure", "Problem", "ProtocolError", "Revoked", "SluiceError", "Task", "Timing",
    "TransportError", "Worker",
]
__version__ = "0.1.0"
