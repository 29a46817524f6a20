"""Certificates: archived and taken out again, replaced by a newer file under the same id. Source: endpoints.md §10."""

from dataclasses import replace

from octavo.base.errors import Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.operations.audit import record_change
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Json
from octavo.server.operations.kinds.certificates import CERTIFICATES
from octavo.server.operations.moments import moment
from octavo.server.operations.requests import Members
from octavo.server.operations.resources import get_resource, modify_resource, present
from octavo.server.store.resources import get_document, update_document


async def set_archived(context: OperationContext, key: str, *, is_archived: bool) -> Json:
    """Put the certificate away, or take it out again; what uses it by its id goes on doing so.

    Raises:
        NotFound: there is none in this space.
    """
    require(context, Permission.CERTIFICATE_EDIT)
    certificate_id = str((await get_resource(context, CERTIFICATES, key))["Id"])
    now = context.clock.now()
    async with context.store.writing() as connection:
        before = await get_document(connection, CERTIFICATES.table, certificate_id, context.space_id)
        doc = {**before.doc, "Archived": moment(now) if is_archived else None}
        columns = {**before.columns, "is_archived": is_archived}
        after = await update_document(connection, CERTIFICATES.table, replace(before, doc=doc, columns=columns))
        was, shown = present(CERTIFICATES, before), present(CERTIFICATES, after)
        await record_change(context, connection, "certificate", "Modified", before=was, after=shown)
    return shown


async def replace_certificate(context: OperationContext, key: str, data: object) -> Json:
    """Give the certificate a newer file; everything that uses it uses the newer one from now on.

    Raises:
        NotFound: there is none in this space.
        Invalid: the file is no certificate, or the password does not open it.
    """
    command = Members(data)
    file, password = command.text("CertificateData"), command.text("Password")
    if not file:
        raise Invalid("Please provide the newer certificate's file, in base64, as CertificateData.")
    now = await get_resource(context, CERTIFICATES, key)
    secrets = {
        "CertificateData": {"HasValue": True, "NewValue": file},
        "Password": {"HasValue": bool(password), "NewValue": password or None},
    }
    return await modify_resource(context, CERTIFICATES, str(now["Id"]), {**now, **secrets})
