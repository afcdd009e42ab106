// Turns Datasette's SQL box into an editor; without script it stays a plain text box that works.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("textarea#sql-editor");
  const format = document.querySelector("button#sql-format");
  const shown = document.querySelector("pre#sql-query");
  if (box && window.CodeMirror) {
    const editor = window.CodeMirror.fromTextArea(box, { mode: "text/x-sql", lineNumbers: true, lineWrapping: true });
    editor.setOption("extraKeys", { "Shift-Enter": () => box.form.submit(), Tab: false });
    if (window.cmResize) {
      window.cmResize(editor, { resizableWidth: false });
    }
    if (format && window.sqlFormatter) {
      format.hidden = false;
      format.addEventListener("click", () => editor.setValue(window.sqlFormatter.format(editor.getValue())));
    }
  } else if (shown && format && window.sqlFormatter) {
    format.hidden = false;
    format.addEventListener("click", () => {
      shown.textContent = window.sqlFormatter.format(shown.textContent);
    });
  }
});
