"""CSS of the page."""

STYLE = """
:root { --ink: #1c2733; --soft: #66727f; --line: #e3e8ee; --brand: #0b6e6e; --paper: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
  color: var(--ink); background: var(--paper); }
header { background: var(--brand); color: #fff; padding: 18px 28px; }
header h1 { margin: 0; font-size: 20px; } header p { margin: 2px 0 0; opacity: .8; }
main { max-width: 1240px; margin: 0 auto; padding: 8px 28px 40px; }
h2 { font-size: 15px; margin: 26px 0 10px; } h2 small, small { color: var(--soft); }
h3 { margin: 0; font-size: 15px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 14px; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
  color: inherit; text-decoration: none; }
.card.here { border-color: var(--brand); box-shadow: 0 0 0 1px var(--brand); }
.figures { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; margin-top: 10px;
  font-size: 12px; color: var(--soft); }
.figures b { display: block; font-size: 20px; color: var(--ink); }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; }
th, td { text-align: left; padding: 6px 10px; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
thead th { border-top: 0; font-size: 12px; color: var(--soft); background: #fbfcfd;
  overflow-wrap: normal; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.chip { padding: 1px 8px; border-radius: 9px; font-size: 12px; background: #e9edf2;
  white-space: nowrap; }
.subscribed, .completed { background: #d9f2e3; color: #14623a; }
.unsubscribed, .failed { background: #fbe0df; color: #98221d; }
.pending, .waiting, .running { background: #fdf0cf; color: #7a5605; }
.none { color: var(--soft); background: #fff; border: 1px dashed var(--line); padding: 12px;
  border-radius: 10px; margin: 0; }
form { margin: 0 0 10px; display: flex; gap: 8px; }
input, button { font: inherit; padding: 6px 10px; border: 1px solid var(--line);
  border-radius: 8px; } input { width: 300px; } button { background: var(--brand); color: #fff; }
"""
