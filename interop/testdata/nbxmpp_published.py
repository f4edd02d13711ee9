"""What Gajim 1.7 publishes, by way of its library, nbxmpp: avatars, bookmarks, keys of devices, tunes. Run as: SCRIPT HOST PORT CA PASSWORD."""
import sys

import gi
gi.require_version("Soup", "3.0")
from gi.repository import GLib

from nbxmpp.client import Client
from nbxmpp.const import ConnectionProtocol, ConnectionType
from nbxmpp.modules.user_avatar import Avatar
from nbxmpp.namespaces import Namespace
from nbxmpp.protocol import JID, Presence
from nbxmpp.structs import BookmarkData, DiscoIdentity, OMEMOBundle, StanzaHandler, TuneData

host, port, ca, password = sys.argv[1:5]
loop = GLib.MainContext.default()
LIMIT = 30


def until(ready, what):
    """Runs until something is so."""
    late = []
    source = GLib.timeout_add_seconds(LIMIT, lambda: late.append(True))
    while not ready():
        if late:
            raise SystemExit("waited in vain for " + what)
        loop.iteration(True)
    GLib.source_remove(source)


def wait(call, *args, fails=False, **kwargs):
    """Has a request of the library's answered."""
    done = []

    def finished(task):  # the library keeps it weakly, and forgets the result afterwards
        try:
            done.append((task.finish(), None))
        except Exception as error:
            done.append((None, error))

    call(*args, callback=finished, **kwargs)
    until(lambda: done, call.__name__)
    result, error = done[0]
    if fails != (error is not None):
        raise SystemExit("%s%s: %s" % (call.__name__, args, error or "it should have failed"))
    return error or result


class Person:
    def __init__(self, name, *wants):
        self.jid = JID.from_string(name + "@example.org")
        self.events = []
        c = self.client = Client(name)
        c.set_domain("example.org")
        c.set_username(name)
        c.set_resource("gajim")
        c.set_password(password)
        c.set_ignore_tls_errors(True)
        c.set_custom_host("%s:%s" % (host, port), ConnectionProtocol.TCP, ConnectionType.START_TLS)
        ready, failed = [], []
        c.subscribe("connected", lambda *_: ready.append(True))
        for signal in ("disconnected", "connection-failed"):
            c.subscribe(signal, lambda *_: failed.append(True))
        c.register_handler(StanzaHandler(name="message", callback=self.heard, priority=50))
        c.connect()
        until(lambda: ready or failed, "login")
        if failed:
            raise SystemExit("no login: %s" % (c.get_error(),))
        c.get_module("EntityCaps").set_caps([DiscoIdentity(category="client", type="pc", name="Gajim")], sorted(w + "+notify" for w in wants), "urn:test:" + name)
        caps = c.get_module("EntityCaps").caps
        p = Presence()
        p.setTag("c", namespace=Namespace.CAPS, attrs=caps._asdict())
        c.send_stanza(p)

    def heard(self, _client, _stanza, properties):
        if properties.is_pubsub_event:
            self.events.append((str(properties.jid), properties.pubsub_event))

    def hears(self, who, node, test=lambda e: True):
        until(lambda: any(w == str(who.jid) and e.node == node and test(e) for w, e in self.events), node)

    def module(self, name):
        return self.client.get_module(name)


romeo = Person("romeo", Namespace.BOOKMARKS_1, Namespace.AVATAR_METADATA)
juliet = Person("juliet", Namespace.TUNE, Namespace.AVATAR_METADATA, Namespace.OMEMO_TEMP_DL)
nurse = Person("nurse")

# The account's features are those by which Gajim chooses where bookmarks are
features = wait(romeo.module("Discovery").disco_info, romeo.jid).features
for needed in (Namespace.BOOKMARKS_COMPAT_PEP, Namespace.PUBSUB_CONFIG.replace("node_config", "config-node-max"), Namespace.PUBSUB_PUBLISH_OPTIONS):
    assert needed in features, needed

# Bookmarks: many at once
rooms = [BookmarkData(jid=JID.from_string("room%d@conference.example.org" % i), name="Röom %d" % i, nick="R", autojoin=i % 2 == 0) for i in range(40)]
wait(romeo.module("NativeBookmarks").store_bookmarks, rooms)
until(lambda: sum(e.node == Namespace.BOOKMARKS_1 for _, e in romeo.events) == len(rooms), "forty bookmarks")
for way in ("NativeBookmarks", "PrivateBookmarks", "PEPBookmarks"):
    found = wait(romeo.module(way).request_bookmarks)
    assert sorted(found, key=lambda b: str(b.jid)) == sorted(rooms, key=lambda b: str(b.jid)), (way, found)
wait(romeo.module("PrivateBookmarks").store_bookmarks, rooms[1:])
romeo.hears(romeo, Namespace.BOOKMARKS_1, lambda e: e.retracted and e.id == str(rooms[0].jid))
wait(romeo.module("NativeBookmarks").retract_bookmark, rooms[1].jid)
assert len(wait(romeo.module("PEPBookmarks").request_bookmarks)) == len(rooms) - 2

# An avatar for contacts, then for everybody: the node is configured anew on the way
avatar = Avatar()
avatar.add_image_source(b"not quite a picture", "image/png", 64, 64)
wait(romeo.module("UserAvatar").set_avatar, avatar, public=False)
juliet.hears(romeo, Namespace.AVATAR_METADATA)
found = wait(juliet.module("UserAvatar").request_avatar_metadata, romeo.jid)
assert wait(juliet.module("UserAvatar").request_avatar_data, found.default, romeo.jid).data == b"not quite a picture"
wait(nurse.module("UserAvatar").request_avatar_metadata, romeo.jid, fails=True)
assert "PHOTO" not in str(wait(nurse.module("VCardTemp").request_vcard, romeo.jid, fails=True))
wait(romeo.module("UserAvatar").set_access_model, True)
assert wait(nurse.module("UserAvatar").request_avatar_metadata, romeo.jid).default == found.default
card = wait(nurse.module("VCardTemp").request_vcard, romeo.jid)
assert card.get_avatar()[1] == found.default, card
wait(romeo.module("UserAvatar").set_avatar, None)
assert wait(juliet.module("UserAvatar").request_avatar_metadata, romeo.jid) is None

# Keys of devices, which strangers need too
wait(romeo.module("OMEMO").set_devicelist, [1, 2])
juliet.hears(romeo, Namespace.OMEMO_TEMP_DL)
bundle = OMEMOBundle(spk={"key": b"k" * 33, "id": 1}, spk_signature=b"s" * 64, ik=b"i" * 33, otpks=[{"key": b"o" * 33, "id": i} for i in range(100)])
wait(romeo.module("OMEMO").set_bundle, bundle, 1)
assert wait(nurse.module("OMEMO").request_devicelist, romeo.jid) == [1, 2]
assert wait(nurse.module("OMEMO").request_bundle, romeo.jid, 1).ik == bundle.ik

# A tune begins and ends
wait(romeo.module("Tune").set_tune, TuneData(artist="Finzi", length="255", rating=None, source=None, title="Introduction", track="1", uri=None))
juliet.hears(romeo, Namespace.TUNE, lambda e: e.data and e.data.artist == "Finzi")
wait(romeo.module("Tune").set_tune, None)
juliet.hears(romeo, Namespace.TUNE, lambda e: e.data is None)
wait(romeo.module("PubSub").delete, Namespace.TUNE)
juliet.hears(romeo, Namespace.TUNE, lambda e: e.deleted)

print("done")
