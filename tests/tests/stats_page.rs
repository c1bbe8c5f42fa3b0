//! The statistics page in a real browser: it is read on a phone and on a desk, and an administrator acts on it.
//!
//! The browser is Debian's Chromium, driven over WebDriver (W3C) through its `chromedriver`, both on the client's
//! host. Nothing but the page's own address may be asked for.

use std::time::Duration;

use e2e::{
    client::Client,
    daemon::{Daemon, Program},
    netns::{Cmd, Host, Result},
    origin::Origin,
    stage::{ORIGIN, PATIENCE, PROXY, Stage},
    wait,
};
use serde_json::{Value, json};

const DRIVER_PORT: u16 = 9515;

fn config() -> String {
    format!(
        "global\n    stats socket /run/stats.sock mode 600 level admin\n    node lb-a\n\
         listen web\n    bind :8080\n    server s1 {ORIGIN}:81 check\n    server s2 {ORIGIN}:82 check\n\
         listen stats\n    bind :9000\n    stats uri /\n    stats admin if TRUE\n    stats show-node\n\
         \x20   stats show-legends\n"
    )
}

/// A browser on a host.
struct Browser<'a> {
    host: &'a Host,
    session: String,
    _driver: Daemon,
}

impl Browser<'_> {
    fn open(host: &Host, width: u32, height: u32) -> Result<Browser<'_>> {
        let driver = Cmd::new("/usr/bin/chromedriver").arg(format!("--port={DRIVER_PORT}"));
        let driver = Daemon::run(host, "chromedriver", driver.env("HOME", "/tmp"))?;
        wait::until_true("the driver listens", PATIENCE, || host.listens(DRIVER_PORT).unwrap_or(false))?;
        let mut b = Browser { host, session: String::new(), _driver: driver };
        let arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            format!("--window-size={width},{height}"),
            "--user-data-dir=/tmp/browser",
        ]);
        let options = json!({"args": arguments, "mobileEmulation": {
            "deviceMetrics": {"width": width, "height": height, "pixelRatio": 1.0}}});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let session = b.ask("POST", "/session", &wanted)?;
        b.session = session["sessionId"].as_str().unwrap_or_else(|| panic!("{session}")).to_owned();
        Ok(b)
    }

    /// One command of the protocol; gives its `value`.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut client = Client::connect(self.host, &format!("127.0.0.1:{DRIVER_PORT}"))?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        client.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{DRIVER_PORT}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ))?;
        let answer = client.response(method)?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {answer:?}"));
        assert_eq!(answer.status, 200, "{method} {path}: {value}");
        Ok(value["value"].clone())
    }

    fn go(&self, url: &str) {
        self.ask("POST", &format!("/session/{}/url", self.session), &json!({"url": url})).unwrap();
    }

    /// What a script of the test finds on the page.
    fn find_out(&self, script: &str) -> Value {
        let path = format!("/session/{}/execute/sync", self.session);
        self.ask("POST", &path, &json!({"script": script, "args": []})).unwrap()
    }

    /// Clicks on the one element that the selector finds, as a person would.
    fn click(&self, selector: &str) {
        let path = format!("/session/{}/element", self.session);
        let found = self.ask("POST", &path, &json!({"using": "css selector", "value": selector})).unwrap();
        let id =
            found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str).unwrap().to_owned();
        self.ask("POST", &format!("{path}/{id}/click"), &json!({})).unwrap();
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

fn started() -> (Stage, [Origin; 2]) {
    let mut stage = Stage::new(Program::Lbproxy).unwrap();
    let origins = [stage.origin("s1", 81).unwrap(), stage.origin("s2", 82).unwrap()];
    stage.start(&config(), 9000).unwrap();
    wait::until_true("it serves", PATIENCE, || stage.get(8080, "/").is_ok_and(|r| r.status == 200)).unwrap();
    (stage, origins)
}

/// The text of a server's status, and whether its row can be seen.
const STATUS: &str = "const r = document.getElementById(arguments[0] || 'web/s1'); \
    return r.querySelector('.pill').innerText + ' ' + (r.getBoundingClientRect().width > 0);";

#[test]
fn the_page_is_read_on_a_phone_and_an_administrator_acts_on_it() {
    let (stage, _origins) = started();
    let browser = Browser::open(&stage.client, 390, 844).unwrap();
    browser.go(&format!("http://{PROXY}:9000/"));
    assert_eq!(browser.find_out("return document.title"), "Statistics of lb-a");
    // Nothing sticks out at the side, nothing needs a script or a file from elsewhere.
    let sizes = browser.find_out("return [document.documentElement.scrollWidth, window.innerWidth]");
    assert_eq!(sizes[0], sizes[1], "{sizes}");
    assert_eq!(browser.find_out("return document.scripts.length"), 0);
    let loaded = browser.find_out("return performance.getEntriesByType('resource').length");
    assert_eq!(loaded, 0);
    assert_eq!(browser.find_out(STATUS), "UP true");

    browser.click("#web input[value=s1]");
    browser.click("#web option[value=maint]");
    browser.click("#web button");
    wait::until_true("the outcome is shown", Duration::from_secs(10), || {
        browser.find_out("return document.querySelector('[role=status]')?.innerText || ''") == "Done. Hide"
    })
    .unwrap();
    assert_eq!(browser.find_out(STATUS), "MAINT true");
    assert!(browser.find_out("return location.pathname").as_str().unwrap().contains(";st=DONE"));
    let csv = stage.command("/run/stats.sock", "show stat web 4 -1").unwrap();
    assert!(csv.lines().any(|l| l.starts_with("web,s1,") && l.contains(",MAINT,")), "{csv}");
    for _ in 0..4 {
        assert_eq!(stage.get(8080, "/").unwrap().text().trim(), "s2");
    }
}

#[test]
fn on_a_desk_all_columns_fit_and_the_filter_keeps_to_a_proxy() {
    let (stage, _origins) = started();
    let browser = Browser::open(&stage.client, 1440, 900).unwrap();
    browser.go(&format!("http://{PROXY}:9000/"));
    let hidden =
        "return [...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).length";
    assert_eq!(browser.find_out(hidden), 0);
    let header = "return getComputedStyle(document.querySelector('thead')).display";
    assert_eq!(browser.find_out(header), "table-header-group");
    browser.go(&format!("http://{PROXY}:9000/?scope=web"));
    assert_eq!(
        browser.find_out("return [...document.querySelectorAll('section')].map(s => s.id)"),
        json!(["web"])
    );
    browser.go(&format!("http://{PROXY}:9000/;up"));
    assert_eq!(browser.find_out("return document.querySelectorAll('tr.server').length"), 2);
}
