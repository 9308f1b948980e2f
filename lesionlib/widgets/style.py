"""How a reader study looks: colors follow JupyterLab's theme, light or dark."""

STYLE = """<style>
.ll-study {
  --ll-ink: var(--jp-content-font-color1, #1b1b1b); --ll-line: var(--jp-border-color1, #bdbdbd);
  --ll-face: var(--jp-layout-color1, #fff);
  color: var(--ll-ink); max-width: 1120px;
  container-type: inline-size; padding: 8px 12px; font-size: 15px; line-height: 1.5; overflow: visible; }
.ll-study .widget-html-content, .ll-study .jupyter-widget-html-content { line-height: 1.5; font-size: 15px; }
.ll-study h3 { font-size: 20px; font-weight: 600; margin: 4px 0 8px; }
.ll-study p { margin: 0 0 10px; max-width: 68ch; }
.ll-study ul { margin: 0 0 10px; padding-left: 22px; max-width: 68ch; }
.ll-study li { margin: 3px 0; }
.ll-study .jupyter-button { font-size: 15px; height: auto; min-height: 38px; line-height: 1.3; white-space: normal;
  padding: 6px 14px; border: 1px solid var(--ll-line); border-radius: 6px; background: var(--ll-face);
  color: var(--ll-ink); box-shadow: none; }
.ll-study .jupyter-button:hover:enabled { border-color: var(--ll-ink); }
.ll-study .jupyter-button:disabled { opacity: 0.5; }
.ll-study .jupyter-button.mod-primary { background: #0b5cad; border-color: #0b5cad; color: #fff; }
.ll-study .jupyter-button.mod-danger { background: #a3281f; border-color: #a3281f; color: #fff; }
.ll-study .jupyter-button:focus-visible, .ll-study textarea:focus, .ll-study input:focus-visible {
  outline: 3px solid #e69f00 !important; outline-offset: 2px; }
.ll-study .ll-quiet { font-size: 13px; min-height: 32px; }
.ll-study .ll-choice { width: 100%; text-align: left; margin: 2px 0; }
.ll-study .ll-chosen { background: #0b5cad; border-color: #0b5cad; color: #fff; font-weight: 600; }
.ll-study .ll-trial { display: grid; gap: 8px 24px; overflow: visible; align-items: start;
  grid: "picture panel" auto "heat panel" 1fr / minmax(0, 640px) minmax(0, 430px); }
@container (max-width: 720px) {
  .ll-study .ll-trial { grid: "picture" auto "panel" auto "heat" auto / minmax(0, 1fr); } }
.ll-study .ll-picture { grid-area: picture; margin: 0; }
.ll-study .ll-heat { grid-area: heat; margin: 0; }
.ll-study .ll-panel { grid-area: panel; overflow: visible; }
.ll-study .ll-row { flex-wrap: wrap; overflow: visible; gap: 4px 10px; align-items: center; }
.ll-study .ll-row > .jupyter-button:not(.ll-choice) { flex: none; }
.ll-study .ll-row > .ll-choice { flex: 1 1 0; min-width: 0; }
.ll-study .ll-row > .ll-said { flex: 0 0 118px; }
.ll-study figure { margin: 0 0 8px; }
.ll-study figure img { display: block; width: 100%; border-radius: 6px; }
.ll-study figcaption, .ll-study .ll-small { font-size: 13px; opacity: 0.8; }
.ll-study .ll-heat figure { display: flex; gap: 12px; }
.ll-study .ll-heat img { width: 48%; }
.ll-study .ll-head { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 16px; font-weight: 600; }
.ll-study .ll-done { height: 4px; border-radius: 2px; background: var(--jp-border-color2, #e0e0e0); margin: 4px 0 8px; }
.ll-study .ll-done div { height: 4px; border-radius: 2px; background: #0b5cad; }
.ll-study dl { display: grid; grid-template-columns: auto 1fr; gap: 0 12px; margin: 0 0 6px; }
.ll-study dt { font-weight: 400; opacity: 0.8; } .ll-study dd { margin: 0; font-weight: 600; }
.ll-study .ll-bar { display: flex; align-items: center; gap: 6px; font-size: 13px; font-variant-numeric: tabular-nums; }
.ll-study .ll-bar span { flex: 0 0 70px; height: 12px; background: var(--jp-border-color2, #e0e0e0); }
.ll-study .ll-bar i { display: block; height: 12px; background: #d55e00; }
.ll-study .ll-bar b { font-weight: 400; } .ll-study .ll-best b { font-weight: 700; }
.ll-study .ll-code { margin-bottom: 6px; letter-spacing: 2px;
  font: 600 26px/1.4 var(--jp-code-font-family, monospace); }
.ll-study .ll-alert { border-left: 4px solid #a3281f; padding: 6px 12px; margin: 4px 0 10px; }
.ll-study .ll-clock { font-variant-numeric: tabular-nums; font-weight: 600; }
.ll-study .ll-keys textarea { font-size: 15px; height: 34px; min-height: 34px; resize: none; overflow: hidden;
  padding: 5px 8px; background: var(--ll-face); color: var(--ll-ink); border: 1px solid var(--ll-line); }
.ll-study .ll-keys label, .ll-study .ll-entry label { font-size: 14px; width: auto;
  min-width: 0; text-align: left; margin-right: 8px; }
.ll-study .ll-entry input { font-size: 15px; height: 36px; }
.ll-study .widget-checkbox label, .ll-study .widget-label-basic { font-size: 15px; white-space: normal; height: auto; }
</style>"""
