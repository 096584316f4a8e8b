"""The report's look: one style sheet, light and dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #22262b; --soft: #646c76; --faint: #d6d3cc;
  --train: #2f6fb0; --validation: #c9622b; --best: #3a8a57; --right: 47 111 176; --wrong: 201 66 43;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --card: #1d2126; --ink: #e4e6e9; --soft: #9aa3ad; --faint: #3a4149;
    --train: #6fb0ee; --validation: #f0965f; --best: #6cc78c; --right: 86 156 224; --wrong: 232 104 80;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.1rem; margin: 0 0 0.75rem; }
p { margin: 0.25rem 0 0.75rem; }
.soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.75rem;
  margin: 1.5rem 0; }
.tile, section { background: var(--card); border: 1px solid var(--faint); border-radius: 10px; }
.tile { padding: 0.8rem 1rem; }
.tile b { display: block; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 0.85rem; }
section { padding: 1.1rem 1.25rem; margin: 0.9rem 0; overflow-x: auto; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 0.9rem; }
.pair { margin: 0.9rem 0; }
.pair section { margin: 0; }
svg { width: 100%; height: auto; }
svg text { font-family: inherit !important; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th { font-weight: 600; text-align: left; color: var(--soft); }
th, td { padding: 0.28rem 0.7rem 0.28rem 0; vertical-align: top; }
.lines td, .lines th { border-bottom: 1px solid var(--faint); }
.lines tr:last-child td { border-bottom: 0; }
.number { text-align: right; }
.confusion td, .confusion th { width: 2.4rem; height: 2.1rem; padding: 0; text-align: center;
  vertical-align: middle; }
.confusion th.upright { writing-mode: vertical-rl; transform: rotate(180deg); height: auto; padding: 0.3rem 0;
  text-align: left; }
.confusion td { border: 1px solid var(--card); border-radius: 4px; }
.zero { color: var(--faint); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 0.8rem; }
figure { margin: 0; }
figure img { display: block; width: 100%; image-rendering: pixelated; border-radius: 6px;
  border: 1px solid var(--faint); }
figcaption { font-size: 0.82rem; margin-top: 0.25rem; line-height: 1.35; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.88em; }
@media print { section, .tile { break-inside: avoid; } }
"""
