"""Notes: a Python service with its addresses in its code and pickled sessions, as such services are."""
import json
import pickle
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

store = redis.Redis(host="127.0.0.1", port=6379)
SESSION_TTL = 900


def load_session(handler):
    cookie = handler.headers.get("Cookie", "")
    token = cookie.partition("session=")[2].partition(";")[0]
    raw = store.get("session:" + token) if token else None
    if raw is None:
        return None, None
    session = pickle.loads(raw)
    session["seen"] += 1
    # Every read moves the session on: its counter and its expiry.
    store.setex("session:" + token, SESSION_TTL, pickle.dumps(session))
    return token, session


def audit(user, action, note):
    """Runs after the response is out."""
    time.sleep(0.02)
    store.rpush("audit:" + user, json.dumps({"action": action, "note": note}))
    store.ltrim("audit:" + user, -50, -1)
    store.hincrby("audit:totals", action, 1)


class Notes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, headers=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length)) if length else {}

    def do_POST(self):
        body = self.body()
        if self.path == "/login":
            token = uuid.uuid4().hex
            session = {"user": body["user"], "seen": 0}
            store.setex("session:" + token, SESSION_TTL, pickle.dumps(session))
            store.sadd("users", body["user"])
            return self.answer(200, {"user": body["user"]}, [("Set-Cookie", "session=%s; HttpOnly" % token)])
        _, session = load_session(self)
        if session is None:
            return self.answer(401, {"error": "log in first"})
        user = session["user"]
        if self.path == "/notes":
            note_id = store.incr("notes:next")
            note = {"id": note_id, "owner": user, "text": body["text"], "words": len(body["text"].split())}
            pipe = store.pipeline()
            pipe.hset("note:%d" % note_id, mapping={"owner": user, "text": body["text"], "words": note["words"], "public": 0})
            pipe.zadd("notes:" + user, {str(note_id): note_id})
            pipe.incrby("words:" + user, note["words"])
            pipe.execute()
            for word in set(body["text"].lower().split()):
                store.sadd("word:" + word, note_id)
            self.answer(201, note)
            threading.Thread(target=audit, args=(user, "created", note_id)).start()
            return None
        if self.path.endswith("/publish"):
            note_id = int(self.path.split("/")[2])
            if store.hget("note:%d" % note_id, "owner") != user.encode():
                return self.answer(403, {"error": "not yours"})
            store.hset("note:%d" % note_id, "public", 1)
            store.sadd("public", note_id)
            store.delete("cache:public")
            return self.answer(200, {"id": note_id, "public": True})
        return self.answer(404, {"error": "no such route"})

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, {"ok": True})
        if self.path == "/public":
            cached = store.get("cache:public")
            if cached is not None:
                return self.answer(200, json.loads(cached))
            notes = [int(n) for n in sorted(store.smembers("public"), key=int)]
            result = {"count": len(notes), "notes": notes}
            store.set("cache:public", json.dumps(result), ex=30)
            return self.answer(200, result)
        if self.path.startswith("/search/"):
            found = sorted(int(n) for n in store.smembers("word:" + self.path.split("/")[2]))
            return self.answer(200, {"found": found})
        _, session = load_session(self)
        if session is None:
            return self.answer(401, {"error": "log in first"})
        user = session["user"]
        if self.path == "/notes":
            ids = store.zrange("notes:" + user, 0, -1)
            return self.answer(200, {"notes": [int(i) for i in ids], "words": int(store.get("words:" + user) or 0), "seen": session["seen"]})
        note_id = int(self.path.split("/")[2])
        note = {k.decode(): v.decode() for k, v in store.hgetall("note:%d" % note_id).items()}
        if not note:
            return self.answer(404, {"error": "no such note"})
        store.zincrby("popular", 1, note_id)
        return self.answer(200, {"id": note_id, **note})

    def do_DELETE(self):
        _, session = load_session(self)
        if session is None:
            return self.answer(401, {"error": "log in first"})
        note_id = int(self.path.split("/")[2])
        user = session["user"]
        words = store.hget("note:%d" % note_id, "words")
        if words is None:
            return self.answer(404, {"error": "no such note"})
        store.delete("note:%d" % note_id)
        store.zrem("notes:" + user, note_id)
        store.srem("public", note_id)
        store.decrby("words:" + user, int(words))
        store.delete("cache:public")
        self.answer(200, {"deleted": note_id})
        threading.Thread(target=audit, args=(user, "deleted", note_id)).start()
        return None

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8077), Notes).serve_forever()
