// The program runs twice: in the page, and in a worker that the page makes from this same text.

import { startPage } from "./page.js";
import { serve } from "./worker.js";

if (typeof document === "undefined") serve();
else startPage();
