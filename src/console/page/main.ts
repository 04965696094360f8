/** The console's first module: puts it into the page. */
import { App } from './app.ts';
import { html, render } from './base/view.ts';

const place = document.querySelector('#app');
if (place !== null) {
  place.textContent = '';
  render(html`<${App} />`, place);
}
