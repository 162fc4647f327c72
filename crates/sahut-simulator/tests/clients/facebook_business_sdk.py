"""Works as an app for a page and its Instagram account would."""

import json
import sys
import urllib.request

from facebook_business.adobjects.comment import Comment
from facebook_business.adobjects.igcomment import IGComment
from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.iguser import IGUser
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.pagepost import PagePost
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

url, page_id, page_token, instagram_id, user_token = sys.argv[1:]
FacebookSession.GRAPH = url


def do(**deed):
    request = urllib.request.Request(
        url + "/_sim/do", json.dumps(deed).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except FacebookRequestError as error:
        assert error.api_error_code() == code, error
        return error
    raise SystemExit(f"expected error {code}")


FacebookAdsApi.init(access_token=user_token)
(account,) = User("me").get_accounts(fields=["id", "access_token", "name"])
assert (account["id"], account["access_token"]) == (page_id, page_token)

FacebookAdsApi.init(access_token=page_token)
page = Page(page_id)
assert page.api_get(fields=["name", "instagram_business_account"])["name"] == "Dinas Contoh"

post = do(do="post", account=page_id, text="Pengumuman")
comments = [do(do="comment", post=post, handle="warga_0001", text=str(number)) for number in range(60)]
posts = page.get_published_posts(fields=["id", "message", "created_time"])
assert [item["id"] for item in posts] == [post]
walked = PagePost(post).get_comments(fields=["id", "message", "from"], params={"limit": 25, "filter": "stream"})
assert [comment["id"] for comment in walked] == comments
counted = PagePost(post).get_comments(params={"summary": True, "limit": 1})
assert counted.total() == 60

answer = Comment(comments[0]).create_comment(params={"message": "Sudah kami catat"})
assert Comment(answer["id"]).api_get(fields=["message", "parent"])["parent"]["id"] == comments[0]
Comment(comments[1]).api_update(params={"is_hidden": True})
assert Comment(comments[1]).api_get(fields=["is_hidden"])["is_hidden"] is True
Comment(answer["id"]).api_delete()
refused(100, Comment(answer["id"]).api_get)

do(do="direct", account=page_id, handle="warga_0002", text="Halo")
(conversation,) = page.get_conversations(fields=["id", "updated_time", "participants"])
(message,) = conversation.get_messages(fields=["id", "message", "from"])
assert message["message"] == "Halo"
sent = page.create_message(
    params={"recipient": {"id": message["from"]["id"]}, "message": {"text": "Baik"}, "messaging_type": "RESPONSE"}
)
assert sent["recipient_id"] == message["from"]["id"]

media = do(do="post", account=instagram_id, text="Foto")
comment = do(do="comment", post=media, handle="warga_0003", text="Bagus")
assert [item["id"] for item in IGUser(instagram_id).get_media(fields=["id", "caption"])] == [media]
(found,) = IGMedia(media).get_comments(fields=["id", "text", "username", "replies"])
assert (found["id"], found["username"]) == (comment, "warga_0003")
reply = IGComment(comment).create_reply(params={"message": "Terima kasih"})
assert [item["id"] for item in IGComment(comment).get_replies()] == [reply["id"]]

do(do="next_call", part="comments", mood="rate_limit")
limited = refused(80001, PagePost(post).get_comments)
assert "X-Business-Use-Case-Usage".lower() in {name.lower() for name in limited.http_headers()}
do(do="kill_token", token=page_token, subcode=460)
assert refused(190, page.api_get).api_error_subcode() == 460
