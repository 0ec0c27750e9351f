"""TCP segments as bytes: taken apart, put together, and written to capture files."""
import struct

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LETTERS = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, "."), (URG, "U"))
ETHERNET, TCP = 14, 6
MODULUS = 1 << 32
NANOSECOND_PCAP = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)


class Segment:
    """One TCP segment in an Ethernet frame; `at` is where its IP header ends.  Numbers are host order."""

    __slots__ = ("frame", "at", "source", "sport", "destination", "dport", "seq", "ack", "flags", "window", "length")

    def __init__(self, frame, at, source, destination, total):
        self.frame, self.at, self.source, self.destination = frame, at, source, destination
        (self.sport, self.dport, self.seq, self.ack, offset, self.flags, self.window) = \
            struct.unpack_from("!HHIIBBH", frame, at)
        self.length = total - (offset >> 4) * 4

    @property
    def end(self):
        """The sequence number behind it: SYN and FIN count."""
        return (self.seq + self.length + bool(self.flags & SYN) + bool(self.flags & FIN)) % MODULUS

    def payload(self):
        return self.frame[len(self.frame) - self.length:] if self.length else b""

    def text(self):
        flags = "".join(letter for bit, letter in LETTERS if self.flags & bit)
        return f"{self.sport}>{self.dport} {flags} {self.seq}:{self.end}({self.length}) ack {self.ack}"


def parse(frame):
    """The TCP segment in a frame, or None: IPv4 and IPv6 without extension headers, not fragmented."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and len(frame) >= 54 and frame[23] == TCP:
        header = (frame[14] & 15) * 4
        total = struct.unpack_from("!H", frame, 16)[0] or len(frame) - ETHERNET
        return Segment(frame, ETHERNET + header, frame[26:30], frame[30:34], total - header)
    if kind == b"\x86\xdd" and len(frame) >= 74 and frame[20] == TCP:
        return Segment(frame, ETHERNET + 40, frame[22:38], frame[38:54], struct.unpack_from("!H", frame, 18)[0])
    return None


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def build(like, seq, ack, flags, window=500, payload=b"", options=b""):
    """A frame with the addresses of the segment `like` and everything else as told; both checksums are right."""
    options += b"\1" * (-len(options) % 4)
    tcp = struct.pack("!HHIIBBHHH", like.sport, like.dport, seq % MODULUS, ack % MODULUS,
                      (5 + len(options) // 4) << 4, flags, window, 0, 0) + options + payload
    pseudo = like.source + like.destination + struct.pack("!II", len(tcp), TCP)
    checksum = ~ones_sum(pseudo + tcp) & 0xFFFF
    tcp = tcp[:16] + struct.pack("!H", checksum) + tcp[18:]
    header = bytearray(like.frame[:like.at])
    if len(like.source) == 4:
        struct.pack_into("!H", header, 16, like.at - ETHERNET + len(tcp))
        struct.pack_into("!H", header, 24, 0)
        struct.pack_into("!H", header, 24, ~ones_sum(bytes(header[14:])) & 0xFFFF)
    else:
        struct.pack_into("!H", header, 18, len(tcp))
    return bytes(header) + tcp


class Capture:
    """A capture file with nanosecond times, of the TCP segments only."""

    def __init__(self, path):
        self.path, self.packets = path, []

    def add(self, ns, frame):
        self.packets.append((ns, frame))

    def write(self):
        with open(self.path, "wb") as out:
            out.write(NANOSECOND_PCAP)
            for ns, frame in self.packets:
                out.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame)
