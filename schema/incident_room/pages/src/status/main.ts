import { localise } from "./times";

localise(document, document.documentElement.lang);
