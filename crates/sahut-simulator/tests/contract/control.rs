//! The world by HTTP, as a test in another process drives it.

use serde_json::{Value, json};

use crate::support::{Got, Stage, read};

async fn perform(stage: &Stage, deed: Value) -> Got {
    read(stage.client.post(format!("{}/_sim/do", stage.sim.url())).json(&deed)).await.unwrap()
}

#[tokio::test]
async fn another_process_makes_the_world_and_reads_the_ledger() {
    let stage = Stage::open().await;
    let page = perform(&stage, json!({"do": "create_page", "name": "Dinas Contoh"})).await.json();
    let post = perform(&stage, json!({"do": "post", "account": page["id"], "text": "Halo"})).await.json();
    let comment = json!({"do": "comment", "post": post, "handle": "warga_0001", "text": "Lampu mati"});
    let comment = perform(&stage, comment).await.json();
    let bot =
        perform(&stage, json!({"do": "create_bot", "name": "Lapor", "username": "lapor_bot"})).await.json();
    let message = json!({"do": "telegram", "bot": bot["id"], "handle": "warga_0001", "text": "Halo"});
    perform(&stage, message).await;
    let once = json!({"do": "next_call", "part": "comments", "mood": "drop_after"});
    assert!(perform(&stage, once).await.status.is_success());
    assert!(perform(&stage, json!({"do": "moods", "server_error": 1.0})).await.status.is_success());
    assert_eq!(stage.get("/me", &[("access_token", page["token"].as_str().unwrap())]).await.status, 503);
    let ledger = stage.get("/_sim/ledger", &[]).await.json();
    assert_eq!(ledger["written"][0]["id"], comment);
    assert_eq!(ledger["written"][0]["state"], "shown");
    assert_eq!(ledger["written"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn mistakes_are_told() {
    let stage = Stage::open().await;
    assert_eq!(perform(&stage, json!({"do": "dance"})).await.status, 400);
    let nowhere = json!({"do": "comment", "post": "1", "handle": "warga_0001", "text": "x"});
    let answer = perform(&stage, nowhere).await;
    assert_eq!((answer.status.as_u16(), answer.text.contains("no post")), (404, true));
}
