//! Photos of damage at the door for files: images only, named in the row that they were chosen for, and nothing typed lost.

use domain::access::Role;
use http::{StatusCode, header};
use reqwest::{Method, Response};

use crate::portal::{Browser, PASSWORD, Portal, location};
use crate::uploads::{BOUNDARY, DOOR, form_with};

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
/// One grey point.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 0x01, 0, 0, 0,
    0x01, 0x08, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x68, 0,
    0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

async fn attach(browser: &mut Browser, object: &str, files: &[(&str, &str, &[u8])]) -> Response {
    let typed = [
        ("upload_form", "receive"),
        ("upload_object", object),
        ("f[r0-accepted]", "7"),
        ("complete", "yes"),
        ("delivery_note", "LS-77"),
    ];
    let request = browser
        .request(Method::POST, DOOR)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form_with(&typed, files));
    browser.send(request).await
}

/// The draft that the door made, as JSON, past all policies.
async fn problems(portal: &Portal) -> i64 {
    portal
        .count("select coalesce(sum(jsonb_array_length(problems)), 0)::bigint from draft where form = 'receive'")
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_photo_is_named_in_its_row_and_what_is_no_image_is_refused_there() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().to_string_lossy().into_owned();
    let portal = Portal::open_with(&[("data_dir", folder.as_str())]).await;
    portal.add_person("clara@haus.example", "Clara", Role::ReceivingClerk).await;
    let mut clara = portal.browser();
    clara.sign_in("clara@haus.example", PASSWORD).await;

    // Inputs that nobody used are sent too, as many as there are rows.
    let unused: Vec<String> = (2..30).map(|row| format!("f[r{row}-photo]")).collect();
    let mut files: Vec<(&str, &str, &[u8])> =
        vec![("f[r0-photo]", "crushed.png", PNG), ("f[r1-photo]", "list.pdf", PDF)];
    files.extend(unused.iter().map(|input| (input.as_str(), "", &b""[..])));
    let sent = attach(&mut clara, "notice.SN-1/2", &files).await;
    assert_eq!((sent.status(), location(&sent)), (StatusCode::SEE_OTHER, "/inbound/SN-1%2F2"));
    let kept = "select count(*) from draft d join document t on t.document_id::text = d.data->'fields'->>'r0-document'
                where d.form = 'receive' and d.data->'fields'->>'r0-document_name' = 'crushed.png'
                  and d.data->'fields'->>'r0-accepted' = '7' and d.data->>'complete' = 'true'
                  and d.data->>'delivery_note' = 'LS-77' and t.supplier_id is null";
    assert_eq!(portal.count(kept).await, 1, "the photo is the house's, and nothing typed is lost");
    assert_eq!(portal.count("select count(*) from document").await, 1, "the list is not kept");
    let refused = "select count(*) from draft where problems->0->>'field' = 'r1-photo'
                   and problems->0->>'message' like 'list.pdf: A photo is a PNG or JPEG image%'";
    assert_eq!((portal.count(refused).await, problems(&portal).await), (1, 1));

    let none = attach(&mut clara, "order.4500001", &[]).await;
    assert_eq!(location(&none), "/inbound/orders/4500001");
    let none = "select count(*) from draft where object = 'order.4500001' and problems->0->>'field' = 'attach'";
    assert_eq!(portal.count(none).await, 1);
    portal.close().await;
}
