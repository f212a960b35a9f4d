"""WinMX: frames of every link, and whole connections with their ciphers."""

from mmscodec import winmx
from mmscodec.schema.winmx import BY_NAME
from mmscodec.winmx import cipher
from tools.fuzz.facade.choices import Choices, pieces

LINKS = (None, "secondary", "chat", "primary", "legacy", "cache", "transfer")
DIRECTIONS = ("", "C>S", "S>C")


def rows(batches: list[winmx.Batch]) -> tuple[list, list, list]:
    """Packets, nodes and faults of several batches as one, packets numbered through."""
    packets, nodes, faults, before = [], [], [], 0
    for batch in batches:
        more, found = batch.nodes.copy(), batch.faults.copy()
        more["packet"] += before
        found["packet"][found["packet"] >= 0] += before
        packets += batch.packets.tolist()
        nodes += more.tolist()
        faults += found.tolist()
        before += len(batch.packets)
    return packets, nodes, faults


def ask(batch: winmx.Batch, findings: bool = False) -> None:
    """Everything a batch can be asked; findings cost as much as the rest ten times."""
    assert len(batch.faults.text()) == len(batch.faults)
    repr(batch)
    assert len(batch.records) <= len(batch.nodes)
    if findings:
        assert len(batch.findings.text()) == len(batch.findings)
    for name in batch.names.keys() & BY_NAME.keys():
        # a packet that ends inside of a field is a fault and has no row of its kind
        assert batch.names[name] - len(batch.faults) <= len(batch[name]) <= batch.names[name]
    for row in range(min(len(batch.packets), 4)):
        batch.payload(row)


def decode(data: bytes) -> None:
    """A stream of each link gives the same rows whole and in pieces."""
    choices = Choices(data)
    options, cuts = choices.byte(), choices.cuts()
    link = LINKS[options % len(LINKS)]
    direction = DIRECTIONS[(options >> 4) % len(DIRECTIONS)]
    stream = choices.rest
    whole = winmx.decode(stream, link=link, direction=direction)
    ask(whole, bool(options & 128))
    decoder = winmx.Decoder(link=link, direction=direction)
    batches = [decoder.feed(piece) for piece in pieces(stream, cuts)]
    batches.append(decoder.close())
    ask(max(batches, key=lambda batch: len(batch.packets)))
    assert rows(batches) == rows([whole])


def heard(parts: list[tuple[str, bytes]]) -> tuple:
    """What a conversation says of these pieces, by direction."""
    talk = winmx.Conversation()
    packets: dict[str, list] = {"C>S": [], "S>C": []}
    faults = []
    for batch in [*talk.feed_all(parts), *talk.close()]:
        faults += batch.faults.text()
        for number, row in enumerate(batch.packets):
            one = int(row["offset"]), int(row["type"]), bytes(batch.payload(number))
            packets[batch.direction].append(one)
    return packets, sorted(faults), talk.link, talk.patched, talk.positions


def sides(choices: Choices) -> tuple[bytes, bytes]:
    """What the client and the server said: as it stands there, or enciphered behind good keys."""
    kind, cut = choices.byte(), choices.number(2)
    roles = [role for role in cipher.Role if role.server and role.link != "cache"]
    role = roles[(kind >> 1) % len(roles)]
    cut %= len(choices.rest) + 1
    up, down = choices.rest[:cut], choices.rest[cut:]
    if not kind & 1:
        return up, down
    block = cipher.key_block(role, bytes(range(16)))
    other = {"secondary": cipher.Role.SECONDARY_CLIENT, "chat": cipher.Role.CHAT_CLIENT}
    mine = cipher.key_block(other.get(role.link, cipher.Role.PRIMARY_CLIENT), bytes(range(16)))
    to_client, to_server = (cipher.Stream(key) for key in cipher.stream_keys(block))
    return mine + to_server.encipher(up), b"1" + block + to_client.encipher(down)


def conversation(data: bytes) -> None:
    """A connection gives the same packets whole and in pieces, and ciphers come back."""
    choices = Choices(data)
    cuts = choices.cuts()
    up, down = sides(choices)
    whole = heard([("S>C", down), ("C>S", up)])
    small = [("S>C", piece) for piece in pieces(down, [cut for cut in cuts if cut < len(down)])]
    small += [("C>S", piece) for piece in pieces(up, [cut for cut in cuts if cut < len(up)])]
    assert heard(small) == whole
    assert cipher.udp_decipher(cipher.udp_encipher(up)) == up
    assert cipher.legacy_decode(cipher.legacy_encode(up)) == up
