//! The page's style sheet: light and dark, tables that become cards on small screens, colour always with text.

pub(super) const STYLE: &str = r#"
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b1f24;--dim:#5b6470;--line:#dfe3e8;--link:#0b57d0;
--up:#12703a;--upbg:#e0f5e8;--warn:#8a5300;--warnbg:#fff0d1;--down:#b3131b;--downbg:#fde4e4;--maint:#6b3fa0;
--maintbg:#efe6fb;--calm:#42526b;--calmbg:#e8edf4;--bar:#3b82c4}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1d2126;--ink:#e6e9ed;--dim:#9aa5b1;--line:#323941;
--link:#8ab4f8;--up:#7ee2a3;--upbg:#12351f;--warn:#ffcf70;--warnbg:#43320a;--down:#ff9a95;--downbg:#4a1417;
--maint:#d3b6ff;--maintbg:#34214f;--calm:#b9c6d8;--calmbg:#2a323d;--bar:#4f97d8}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:1500px;margin:0 auto;padding:0 16px}
header{padding-top:18px}
h1{font-size:20px;margin:0 0 2px}
h2{font-size:16px;margin:0}
a{color:var(--link)}
.dim{color:var(--dim)}
.num{font-variant-numeric:tabular-nums}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:14px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 12px}
.tile b{display:block;font-size:22px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--dim);font-size:12.5px}
.bar{display:block;height:5px;border-radius:3px;background:var(--line);overflow:hidden;margin-top:5px}
.bar i{display:block;height:100%;background:var(--bar)}
.bar.hot i{background:var(--down)}
nav{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;margin:8px 0 14px}
nav form{display:inline-flex;gap:6px}
input[type=text],select,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:7px;padding:5px 9px}
button{cursor:pointer;font-weight:600}
input[type=checkbox]{width:17px;height:17px;vertical-align:-3px;margin:0 6px 0 0}
.note{border-radius:10px;padding:9px 13px;margin:10px 0;border:1px solid}
.ok{color:var(--up);background:var(--upbg)}
.bad{color:var(--down);background:var(--downbg)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;margin:0 0 16px;overflow:hidden}
section>.head{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;padding:11px 14px;
border-bottom:1px solid var(--line)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{padding:5px 7px;font-size:13px;text-align:right;white-space:nowrap;vertical-align:top;border-top:1px solid var(--line);
font-variant-numeric:tabular-nums}
th{border-top:0;color:var(--dim);font-weight:500;font-size:11.5px;vertical-align:bottom}
th:first-child,td:first-child,td.text,th.text{text-align:left}
td small{color:var(--dim)}
td.zero{color:var(--dim)}
tr.sum td{background:color-mix(in srgb,var(--line) 25%,transparent)}
tr.listener td:first-child{padding-left:22px}
.name{font-weight:600;overflow-wrap:anywhere;margin-right:8px}
details{display:inline-block;vertical-align:top}details[open]{display:block}
.pill{display:inline-block;border-radius:99px;padding:0 9px;font-weight:600;font-size:12.5px;white-space:nowrap}
.up{color:var(--up);background:var(--upbg)}
.warn{color:var(--warn);background:var(--warnbg)}
.down{color:var(--down);background:var(--downbg)}
.maint{color:var(--maint);background:var(--maintbg)}
.calm{color:var(--calm);background:var(--calmbg)}
tr.s-down td:first-child{box-shadow:inset 4px 0 var(--down)}
tr.s-warn td:first-child{box-shadow:inset 4px 0 var(--warn)}
tr.s-maint td:first-child{box-shadow:inset 4px 0 var(--maint)}
tr.s-up td:first-child{box-shadow:inset 4px 0 var(--up)}
tr.s-calm td:first-child{box-shadow:inset 4px 0 var(--line)}
details summary{cursor:pointer;color:var(--link);font-size:12px}
details dl{display:grid;grid-template-columns:auto auto;gap:1px 14px;margin:4px 0 6px;font-weight:400;font-size:12.5px;
white-space:normal;width:max-content;max-width:min(420px,80vw)}
dt{color:var(--dim)}dd{margin:0;text-align:right;overflow-wrap:anywhere}
.act{display:flex;flex-wrap:wrap;gap:8px;align-items:center;padding:10px 14px;border-top:1px solid var(--line)}
.legend{display:flex;flex-wrap:wrap;gap:6px 10px;margin:4px 0 14px;font-size:12.5px}
footer{padding-bottom:26px;color:var(--dim);font-size:12.5px}
@media(max-width:820px){
body{font-size:15px}
td{font-size:15px}.name{font-size:16px}details summary{font-size:14px;padding:3px 0}
main,header,footer{padding-left:10px;padding-right:10px}
.tiles{grid-template-columns:repeat(2,1fr);gap:8px}
thead{display:none}
table,tbody,tr,td{display:block;width:100%}
tr{padding:8px 12px 10px;border-top:1px solid var(--line);position:relative}
tr.s-down{box-shadow:inset 4px 0 var(--down)}tr.s-warn{box-shadow:inset 4px 0 var(--warn)}
tr.s-maint{box-shadow:inset 4px 0 var(--maint)}tr.s-up{box-shadow:inset 4px 0 var(--up)}
tr td:first-child,tr.listener td:first-child{box-shadow:none!important;padding:0 0 3px}
tr.sum{background:color-mix(in srgb,var(--line) 25%,transparent)}tr.sum td{background:none}
td{border:0;padding:2px 0;text-align:right;white-space:normal;display:flex;justify-content:space-between;gap:14px}
td.text{text-align:right}
td:first-child{display:block;text-align:left}
td::before{content:attr(data-l);color:var(--dim);text-align:left}
td:first-child::before{content:none}
td.zero,td.none{display:none}
.bar{min-width:90px}
input[type=text],select,button{padding:9px 11px;font-size:16px}
input[type=checkbox]{width:22px;height:22px}
nav a{padding:5px 0}
.act select{flex:1}
}
"#;
