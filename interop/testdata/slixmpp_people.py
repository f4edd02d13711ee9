"""Two people and a second device, as slixmpp sees them: log in, ask for approval, see presence, write, copy, block."""
from slixmpp_client import Client, password, play

PLUGINS = ("xep_0054", "xep_0077", "xep_0092", "xep_0191", "xep_0202", "xep_0280", "xep_0012")


async def main():
    romeo, phone, juliet = (Client(j, *PLUGINS) for j in ("romeo@example.org/laptop", "romeo@example.org/phone", "juliet@example.org/balcony"))
    for c in (romeo, phone, juliet):
        await c.login()
        c.send_presence(pshow="chat" if c is juliet else None, pstatus="here")
    print("mechanism", romeo["feature_mechanisms"].mech.name)

    # a favourite: asked for, approved, in both directions
    romeo.send_presence_subscription("juliet@example.org", ptype="subscribe")
    await juliet.until("subscribe", "romeo@example.org")
    juliet.send_presence_subscription("romeo@example.org", ptype="subscribed")
    juliet.send_presence_subscription("romeo@example.org", ptype="subscribe")
    await romeo.until("subscribed", "juliet@example.org")
    await romeo.until("presence", "juliet@example.org/balcony", "chat")
    await romeo.until("subscribe", "juliet@example.org")
    romeo.send_presence_subscription("juliet@example.org", ptype="subscribed")
    await juliet.until("presence", "romeo@example.org/laptop")
    await romeo.get_roster()
    item = romeo.client_roster["juliet@example.org"]
    assert item["subscription"] == "both", item

    # busy, and away again
    juliet.send_presence(pshow="dnd", pstatus="busy with a nurse")
    await romeo.until("presence", "juliet@example.org/balcony", "dnd")

    # messages, and copies on the other device
    await phone["xep_0280"].enable()
    romeo.send_message("juliet@example.org", "But, soft!", mtype="chat")
    await juliet.until("message", "romeo@example.org/laptop", "But, soft!")
    await phone.until("sent", "juliet@example.org", "But, soft!")
    juliet.send_message("romeo@example.org/laptop", "Ay me!", mtype="chat")
    await romeo.until("message", "juliet@example.org/balcony", "Ay me!")
    await phone.until("received", "juliet@example.org/balcony", "Ay me!")

    # discovery, version, time, vCard
    info = await romeo["xep_0030"].get_info("example.org")
    features = info["disco_info"]["features"]
    for f in ("urn:xmpp:carbons:2", "urn:xmpp:blocking", "urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "vcard-temp", "jabber:iq:last"):
        assert f in features, f
    version = await romeo["xep_0092"].get_version("example.org")
    assert version["software_version"]["name"] == "Palabre", version
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montague"
    await romeo["xep_0054"].publish_vcard(card)
    got = await juliet["xep_0054"].get_vcard("romeo@example.org")
    assert got["vcard_temp"]["FN"] == "Romeo Montague", got

    # blocking ends all of it
    await juliet["xep_0191"].block("romeo@example.org")
    await romeo.until("presence", "juliet@example.org/balcony", "unavailable")
    romeo.send_message("juliet@example.org", "Wherefore?", mtype="chat")
    await romeo.fence()
    await juliet.fence()
    assert "Wherefore?" not in juliet.bodies(), "a blocked message arrived"
    await juliet["xep_0191"].unblock("romeo@example.org")
    await romeo.until("presence", "juliet@example.org/balcony", "dnd")

    # a new password, and a wrong one
    await phone["xep_0077"].change_password("new " + password)
    for c in (romeo, phone, juliet):
        await c.disconnect()
    wrong = Client("romeo@example.org/laptop")
    try:
        await wrong.login()
    except RuntimeError:
        pass
    else:
        raise AssertionError("the old password still works")


play(main)
