"""A client that knows neither archives nor stream management gets what came while it was away, once (XEP-0160)."""
from slixmpp_client import Client, numbered, play, server


async def main():
    romeo = Client("romeo@example.org/laptop")
    await romeo.login()
    await romeo.writes("juliet@example.org", numbered(1, 10))
    await server("terminate", "start")
    await romeo.login()
    await romeo.writes("juliet@example.org", numbered(11, 20))
    await server("kill", "start")
    await romeo.login()

    juliet = Client("juliet@example.org/phone")
    await juliet.login()
    juliet.send_presence(ppriority=-1)
    await juliet.reads([])
    juliet.send_presence(ppriority=0)
    await juliet.reads(numbered(1, 20))
    stamps = [m["delay"]["stamp"] for m in juliet.messages]
    assert all(stamps) and stamps == sorted(stamps), stamps
    await romeo.writes("juliet@example.org", numbered(21, 21))
    await juliet.reads(numbered(1, 21))
    assert not juliet.messages[-1]["delay"]["stamp"], "what comes at once is not late"
    await juliet.disconnect()

    await romeo.writes("juliet@example.org", numbered(22, 24))
    await juliet.login()
    juliet.send_presence()
    await juliet.reads(numbered(1, 24))
    await server("terminate", "start")
    await juliet.login()
    juliet.send_presence()
    await juliet.reads(numbered(1, 24))
    await juliet.disconnect()


play(main)
