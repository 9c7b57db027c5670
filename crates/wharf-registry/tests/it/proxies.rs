//! Clients behind proxies, and clients that pretend to be.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{PASSWORD, Registry};

/// Makes a project with these headers, and returns the address that the audit log has of it.
async fn noted_address(registry: &Registry, headers: &[(&str, &str)]) -> String {
    let name = format!("p{}", rand());
    let mut request = registry.request("POST", "/api/v2.0/projects");
    for (header, value) in headers {
        request = request.header(*header, *value);
    }
    let made = request.json(&serde_json::json!({ "project_name": name })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let path = format!("/api/v2.0/audit-logs?operation=create_project&resource={name}");
    let log: Value = registry.get(&path).await.json().await.unwrap();
    log[0]["client_address"].as_str().unwrap().to_owned()
}

fn rand() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_address_of_its_client() {
    let registry = Registry::start_with(|config| {
        config.trusted_proxies = "127.0.0.0/8,10.0.0.0/8".parse().unwrap();
    })
    .await;
    let spoofed = "6.6.6.6, 203.0.113.7, 10.0.0.9";
    assert_eq!(noted_address(&registry, &[("x-forwarded-for", spoofed)]).await, "203.0.113.7");
    let element = r#"for=6.6.6.6, for="[2001:db8::7]:4711";proto=https"#;
    assert_eq!(noted_address(&registry, &[("forwarded", element)]).await, "2001:db8::7");
    assert_eq!(noted_address(&registry, &[]).await, "127.0.0.1");
}

#[tokio::test]
async fn nobody_else_is_believed() {
    for trusted in ["", "10.0.0.0/8"] {
        let registry = Registry::start_with(|config| config.trusted_proxies = trusted.parse().unwrap()).await;
        let headers = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7")];
        assert_eq!(noted_address(&registry, &headers).await, "127.0.0.1");
    }
}

#[tokio::test]
async fn failed_logins_count_against_the_client_and_not_against_its_proxy() {
    let registry = Registry::start_with(|config| config.trusted_proxies = "127.0.0.1".parse().unwrap()).await;
    let login = async |from: &str, password: &str| {
        let request = registry.anonymous("GET", "/v2/").basic_auth("nobody", Some(password));
        request.header("x-forwarded-for", from).send().await.unwrap().status().as_u16()
    };
    for _ in 0..6 {
        login("203.0.113.7", "wrong").await;
    }
    assert_eq!(login("203.0.113.7", PASSWORD).await, 429);
    assert_eq!(login("203.0.113.8", PASSWORD).await, 401, "its neighbour is not held up");
}

/// Connects from one of this machine's addresses; whether it is served is told by an answer.
async fn connect(registry: &Registry, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(registry.handle.as_ref().unwrap().address()).await.unwrap()
}

async fn is_served(stream: &mut TcpStream) -> bool {
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.is_ok() && answer.ends_with(b" 200")
}

#[tokio::test]
async fn one_address_has_only_so_many_connections_and_a_proxy_as_many_as_it_brings() {
    let registry = Registry::start_with(|config| {
        config.connections_per_address = 2;
        config.trusted_proxies = "127.0.0.3".parse().unwrap();
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&registry, "127.0.0.2").await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    assert!(!is_served(&mut connect(&registry, "127.0.0.2").await).await, "a third is closed");
    let mut proxied = Vec::new();
    for _ in 0..5 {
        let mut stream = connect(&registry, "127.0.0.3").await;
        assert!(is_served(&mut stream).await);
        proxied.push(stream);
    }
    assert!(is_served(&mut connect(&registry, "127.0.0.4").await).await, "others are served");
    // One that ends makes room, as soon as the server has noticed.
    drop(held.pop());
    let room = async {
        while !is_served(&mut connect(&registry, "127.0.0.2").await).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), room).await.unwrap();
}
