// Closes an open menu of Datasette's pages when the click is elsewhere. Details that hold content stay as they are.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.nav-menu[open], details.actions-menu-links[open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});
