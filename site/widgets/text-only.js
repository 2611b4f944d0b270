// In place of sanitize-html (100 KB and more): descriptions and labels are shown as text.
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export default (text) => text.replace(/[&<>"]/g, (character) => ESCAPES[character]);
