"""Reads sizes from the start of HEVC and AV1 data, because a decoder takes its memory for these, not for the container's."""

import struct
from collections.abc import Iterator

from servicekit.pictures.headers.base import broken, ends_too_early

_HEVC_SEQUENCE = 33
_AV1_SEQUENCE = 1
# The sequence header stands first, or after a delimiter.
_MAX_UNITS = 16
# Longer numbers are not written by anybody.
_MAX_ZEROS = 32
# Where the arrays of parameter sets begin in `hvcC`.
_HEVC_ARRAYS = 22


class Bits:
    """Reads numbers of any length in bits, highest first. Raises PictureRefused at the end."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content)
        self._left = len(content) * 8

    def read(self, count: int) -> int:
        """Returns the next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise ends_too_early()
        return self._value >> self._left & (1 << count) - 1

    def read_exponential(self) -> int:
        """Returns the next Exp-Golomb number: as many zeros as bits follow the next one."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > _MAX_ZEROS:
                raise broken("it describes its pixels with impossible numbers")
        return (1 << zeros) - 1 + self.read(zeros)


def hevc_sizes(configuration: bytes) -> Iterator[tuple[int, int]]:
    """Yields the sizes in pixels that the parameter sets of an `hvcC` box announce (ISO/IEC 14496-15, 8.3.3)."""
    (arrays,) = struct.unpack_from("B", configuration, _HEVC_ARRAYS)
    position = _HEVC_ARRAYS + 1
    sequences = 0
    for _ in range(arrays):
        kind, count = struct.unpack_from(">BH", configuration, position)
        position += 3
        for _ in range(count):
            (length,) = struct.unpack_from(">H", configuration, position)
            start, position = position + 2, position + 2 + length
            if position > len(configuration):
                raise ends_too_early()
            if kind & 0x3F == _HEVC_SEQUENCE:
                sequences += 1
                if sequences > _MAX_UNITS:
                    raise broken("it describes its pixels too often")
                yield _hevc_size(configuration[start:position])


def _hevc_size(unit: bytes) -> tuple[int, int]:
    """Reads a sequence parameter set (ITU-T H.265, 7.3.2.2) as far as the size."""
    # A 3 after two zeros only keeps the data from looking like a start code.
    bits = Bits(unit[2:].replace(b"\x00\x00\x03", b"\x00\x00"))
    bits.read(4)
    layers = bits.read(3)
    bits.read(1)
    # The profile, its flags and the level of the whole.
    bits.read(96)
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.read(88 * has_profile + 8 * has_level)
    bits.read_exponential()
    if bits.read_exponential() == 3:
        bits.read(1)
    return bits.read_exponential(), bits.read_exponential()


def av1_size(content: bytes) -> tuple[int, int]:
    """Returns the size in pixels that the sequence header at the start of AV1 data announces (AV1, section 5.5)."""
    position = 0
    for _ in range(_MAX_UNITS):
        (header,) = struct.unpack_from("B", content, position)
        position += 2 if header & 4 else 1
        length = len(content) - position
        if header & 2:
            length, position = _variable_length(content, position)
        if header >> 3 & 0xF == _AV1_SEQUENCE:
            return _av1_size(Bits(content[position : position + length]))
        position += length
    raise broken("its pixels do not begin as they should")


def _variable_length(content: bytes, position: int) -> tuple[int, int]:
    """Reads seven bits a byte, lowest first. Returns the number and where it ends."""
    value = 0
    for index in range(8):
        (byte,) = struct.unpack_from("B", content, position + index)
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, position + index + 1
    raise broken("it describes its pixels with impossible numbers")


def _av1_size(bits: Bits) -> tuple[int, int]:
    bits.read(4)
    if bits.read(1):
        # A still picture of the short form: only its level.
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: Bits) -> None:
    delay_bits = 0
    if bits.read(1):
        # Timing: two numbers of 32 bits, and whether pictures come evenly.
        bits.read(64)
        if bits.read(1):
            bits.read_exponential()
        if bits.read(1):
            delay_bits = bits.read(5) + 1
            bits.read(42)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)
