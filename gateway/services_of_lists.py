"""The part of the composition root that is about people by the thousand: contacts, audiences, imports, broadcasts."""

from functools import cached_property

from gateway.audiences import Audiences
from gateway.broadcast_sending import BroadcastSending
from gateway.broadcasts import Broadcasts
from gateway.contact_opt_outs import ContactOptOuts
from gateway.contacts import Contacts
from gateway.import_contacts import ContactRows
from gateway.import_jobs import ImportJobs
from gateway.import_uploads import ImportUploads
from gateway.imports import Imports
from gateway.lists.targets import CONTACTS
from gateway.opt_out_lists import OptOutLists
from gateway.services_of_texts import TextServices


class ListServices(TextServices):
    """People by the thousand: contacts, audiences, imports, broadcasts and lists of opt-outs."""

    @cached_property
    def contacts(self) -> Contacts:
        """The people of accounts."""
        return Contacts(self.store, self.clock)

    @cached_property
    def contact_opt_outs(self) -> ContactOptOuts:
        """Opt-outs from the page of a contact."""
        return ContactOptOuts(self.contacts, self.consent)

    @cached_property
    def audiences(self) -> Audiences:
        """Audiences and who is in them."""
        return Audiences(self.store, self.clock)

    @cached_property
    def imports(self) -> Imports:
        """Imports of files."""
        return Imports(self.store, self.clock, {CONTACTS: ContactRows(self.store, self.clock, self.contacts).run})

    @cached_property
    def import_jobs(self) -> ImportJobs:
        """Imports of uploaded files, by workers."""
        return ImportJobs(self.store, self.queue, self.clock, self.new_id, self.imports, self.events)

    @cached_property
    def import_uploads(self) -> ImportUploads:
        """Uploaded files that are no imports yet."""
        return ImportUploads(self.store, self.new_id, self.import_jobs)

    @cached_property
    def broadcasts(self) -> Broadcasts:
        """Texts to audiences."""
        return Broadcasts(
            self.store, self.queue, self.clock, self.new_id, self.audiences.sendable, self.opt_out_links.filled
        )

    @cached_property
    def broadcast_sending(self) -> BroadcastSending:
        """Texts to audiences, by workers."""
        return BroadcastSending(self.store, self.queue, self.clock, self.new_id, self.outbound.accept_many)

    @cached_property
    def opt_out_lists(self) -> OptOutLists:
        """Lists of opt-outs, page by page and as files."""
        return OptOutLists(self.store, self.clock.monotonic)
