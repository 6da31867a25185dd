"""What a client is told, checked once, and how it is told to httpx."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from ._flows import Open, Send, Settings
from ._operations import Call

DEFAULT_SERVER = "http://127.0.0.1:7878"
DEFAULT_TIMEOUT_S = 60.0
CONNECT_S = 5.0


@dataclass(frozen=True)
class Target:
    """A server, and how it is asked."""

    settings: Settings
    collection: str | None
    key: str | None = field(repr=False)
    verify: Any = field(repr=False)

    @staticmethod
    def of(server: str, key: str | None, collection: str | None, timeout_s: float, retries: int, verify: Any) -> Target:
        if timeout_s <= 0.0:
            raise ValueError(f"timeout_s={timeout_s}: more than 0 seconds are needed")
        if retries < 0:
            raise ValueError(f"retries={retries}: 0 or more")
        return Target(Settings(_address(server), timeout_s, retries), collection, _key(key), verify)

    def client_options(self) -> dict[str, Any]:
        """For ``httpx.Client`` and ``httpx.AsyncClient`` alike."""
        headers = {"user-agent": "fovea-python"}
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key}"
        return {
            "base_url": self.settings.server,
            "headers": headers,
            "timeout": self._timeout(None),
            "verify": self.verify,
            # A key is for one server: it follows nobody elsewhere, and goes through no proxy to this machine itself.
            "follow_redirects": False,
            "trust_env": not _is_local(self.settings.server),
        }

    def request(self, client: httpx.Client | httpx.AsyncClient, step: Send | Open) -> httpx.Request:
        call: Call[Any] = step.call
        params: Mapping[str, str] = call.params
        if self.collection is not None and call.of.in_collection:
            params = {**params, "collection": self.collection}
        return client.build_request(
            call.of.verb,
            call.path,
            params=params or None,
            headers=dict(call.headers),
            content=call.content,
            timeout=self._timeout(step.quiet_s if isinstance(step, Open) else None),
        )

    def _timeout(self, quiet_s: float | None) -> httpx.Timeout:
        timeout_s = quiet_s or self.settings.timeout_s
        return httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))

    def told(self, name: str) -> str:
        """For ``repr``: whether there is a key, and nothing of it."""
        collection = "" if self.collection is None else f" collection={self.collection!r}"
        return f"<fovea.{name} {self.settings.server}{collection} key={'set' if self.key else 'none'}>"


def _address(server: str) -> str:
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL as error:
        raise ValueError(f"the server's address cannot be read ({error}); it looks like {DEFAULT_SERVER}") from error
    if url.userinfo:
        raise ValueError("a name or password in the server's address is not used; a key is given as `key`")
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{server!r} is no address of a server; it looks like {DEFAULT_SERVER}")
    return str(url.copy_with(query=None, fragment=None)).rstrip("/")


def _key(key: str | None) -> str | None:
    if key is None:
        return None
    key = key.strip()
    if not key or not all("!" <= letter <= "~" for letter in key):
        raise ValueError("the key has letters that no key has; `fovea keys add NAME` prints one, which begins with fovea_")
    return key


def _is_local(server: str) -> bool:
    host = httpx.URL(server).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
