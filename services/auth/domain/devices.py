"""Devices: what they are called, and by what they are known again."""

import hashlib
import ipaddress
from functools import lru_cache

from ua_parser import parse

NAME_MAX_CHARACTERS = 100


@lru_cache(maxsize=1024)
def device_name(agent: str) -> str:
    """Returns browser and system for people, such as "Firefox on Linux"; for a program its own word; "" for no word at all."""
    parsed = parse(agent)
    if parsed.user_agent is None or parsed.os is None:
        return agent.split(" ")[0][:NAME_MAX_CHARACTERS]
    return f"{parsed.user_agent.family} on {parsed.os.family.replace('Mac OS X', 'macOS')}"[:NAME_MAX_CHARACTERS]


def network_of(address: str) -> str:
    """Returns the range that an address is in: what one household or office usually has (IPv4 /24, IPv6 /56). "" for no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    bits = 24 if isinstance(parsed, ipaddress.IPv4Address) else 56
    return str(ipaddress.ip_network((parsed, bits), strict=False))


def key_of_token(device_token: str) -> bytes:
    """Returns what is stored of the token that a device was handed."""
    return hashlib.sha256(f"token|{device_token}".encode()).digest()


def key_of_place(device: str, address: str) -> bytes | None:
    """Returns what stands for a kind of device in a network: how a program is known again, which keeps no token.

    None where nobody tells the address: then half the world would look the same.
    """
    network = network_of(address)
    return hashlib.sha256(f"place|{device}|{network}".encode()).digest() if network else None
