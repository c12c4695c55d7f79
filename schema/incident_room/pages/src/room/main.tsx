// The incident room's page for responders.
import { render } from "preact";
import { App } from "./app";
import "./main.css";
import { keepFocus } from "./ui/focus";

const element = document.getElementById("room");
if (element !== null) {
  element.textContent = "";
  render(<App />, element);
  keepFocus();
}
